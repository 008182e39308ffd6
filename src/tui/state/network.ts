/** What follows from news of the network of a machine. */
import type {MachineState, PortForward} from '../../manager/protocol/machine.js';
import type {NetworkNews} from './events.js';
import {type AppState, type NetworkView, PACKETS_SHOWN} from './model.js';
import {selectedMachine} from './selectors.js';

/** The state after news; those of a machine that is not looked at any more change nothing. */
export function reduceNetwork(state: AppState, news: NetworkNews): AppState {
  const {machineId} = news;
  if (news.type === 'networkFollowed') {
    const isSame = state.network?.machineId === machineId;
    const network = {...emptyView(machineId), ...(isSame ? state.network : {}), problem: undefined};
    return {...state, network, ...(isSame ? {} : {forwardAt: 0})};
  }
  const before = state.network;
  if (before?.machineId !== machineId) return state;
  switch (news.type) {
    case 'networkLoaded':
      return {...state, network: {...before, status: news.status, problem: undefined}};
    case 'networkFailed':
      return {...state, network: {...before, status: undefined, problem: news.problem}};
    case 'packetsSeen': {
      const packets = [...before.packets, ...news.packets].slice(-PACKETS_SHOWN);
      return {...state, network: {...before, packets, missedCount: before.missedCount + news.missedCount}};
    }
  }
}

/** True for states in which there is a network to look at. */
export const hasNetwork = (state: MachineState): boolean => ['running', 'paused', 'saving', 'stopping'].includes(state);

/** The network of the highlighted machine, once it is looked at. */
export function selectedNetwork(state: AppState): NetworkView | undefined {
  return state.network?.machineId === selectedMachine(state)?.id ? state.network : undefined;
}

/** Port forwards of the highlighted machine, as they are defined. */
export function shownForwards(state: AppState): readonly PortForward[] {
  return selectedMachine(state)?.config?.network?.forwards ?? [];
}

/** The port forward that is chosen, if there is one. */
export function chosenForward(state: AppState): PortForward | undefined {
  const forwards = shownForwards(state);
  return forwards[Math.min(state.forwardAt, forwards.length - 1)];
}

/** The state with another port forward chosen. */
export function moveForward(state: AppState, by: number): AppState {
  const last = Math.max(0, shownForwards(state).length - 1);
  // A forward that was removed may have left the place beyond the end.
  const from = Math.min(state.forwardAt, last);
  return {...state, forwardAt: Math.min(last, Math.max(0, from + by))};
}

function emptyView(machineId: string): NetworkView {
  return {machineId, status: undefined, packets: [], missedCount: 0, problem: undefined};
}
