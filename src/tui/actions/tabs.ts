import type {Action} from '../keys/action.js';
import {type AppState, TABS, type Tab} from '../state/model.js';
import {paneRefusal} from '../state/selectors.js';

function hasPane(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return state.machines.length > 0 ? true : 'There is no machine yet.';
}

function tabAction(tab: Tab, keys: readonly string[], help: string): Action {
  return {
    id: `tab.${tab}`,
    keys,
    group: 'View',
    help,
    isEnabled: hasPane,
    run: ({dispatch}) => dispatch({type: 'tabChosen', tab}),
  };
}

function tabStep(id: string, keys: readonly string[], help: string, by: number): Action {
  return {
    id,
    keys,
    group: 'View',
    help,
    isEnabled: hasPane,
    run: ({state, dispatch}) => {
      const next = (TABS.indexOf(state.tab) + by + TABS.length) % TABS.length;
      dispatch({type: 'tabChosen', tab: TABS[next] ?? 'console'});
    },
  };
}

/** Shows the console tab. */
export const tabConsole = tabAction('console', ['1'], 'Show the console.');
/** Shows the graphs tab. */
export const tabGraphs = tabAction('graphs', ['2'], 'Show the graphs: CPU, memory, disk, net, interrupts, MIPS.');
/** Shows the timeline tab. */
export const tabTimeline = tabAction('timeline', ['3', 'T'], 'Show the timeline: points to go back to.');
/** Shows the network tab. */
export const tabNet = tabAction('net', ['4', 'N'], 'Show the network: connections, port forwards, packets.');
/** Shows the disks tab. */
export const tabDisks = tabAction('disks', ['5'], 'Show the disks and the images they are made of.');
/** Shows the log tab. */
export const tabLog = tabAction('log', ['6'], 'Show what happened to the machine.');
/** Shows the definition tab. */
export const tabConfig = tabAction('config', ['7', 'i'], 'Show what the machine is made of.');
/** Next tab. */
export const tabNext = tabStep('tab.next', ['tab', ']'], 'Go to the next tab.', 1);
/** Previous tab. */
export const tabPrevious = tabStep('tab.previous', ['shift-tab', '['], 'Go to the previous tab.', -1);
