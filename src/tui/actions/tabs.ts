import type {Action, ActionContext} from '../keys/action.js';
import {type AppState, TABS, type Tab} from '../state/model.js';
import {paneRefusal} from '../state/selectors.js';
import {text} from '../text/text.js';

function hasPane(state: AppState): true | string {
  const refusal = paneRefusal(state);
  if (refusal !== undefined) return refusal;
  return state.machines.length > 0 ? true : text.fleet.noMachine;
}

/** The wall has no tabs: whoever wants one comes down from it. */
function showTab({state, dispatch}: ActionContext, tab: Tab): void {
  if (state.arrangement === 'wall') dispatch({type: 'arranged', arrangement: 'split'});
  dispatch({type: 'tabChosen', tab});
}

function tabAction(tab: Tab, keys: readonly string[], help: string): Action {
  return {
    id: `tab.${tab}`,
    keys,
    group: 'View',
    help,
    isEnabled: hasPane,
    run: (context) => showTab(context, tab),
  };
}

function tabStep(id: string, keys: readonly string[], help: string, by: number): Action {
  return {
    id,
    keys,
    group: 'View',
    help,
    isEnabled: hasPane,
    run: (context) => {
      const {state} = context;
      const next = (TABS.indexOf(state.tab) + by + TABS.length) % TABS.length;
      showTab(context, TABS[next] ?? 'console');
    },
  };
}

/** Shows the console tab. */
export const tabConsole = tabAction('console', ['1'], text.actions.tabConsole.help);
/** Shows the graphs tab. */
export const tabGraphs = tabAction('graphs', ['2'], text.actions.tabGraphs.help);
/** Shows the timeline tab. */
export const tabTimeline = tabAction('timeline', ['3', 'T'], text.actions.tabTimeline.help);
/** Shows the network tab. */
export const tabNet = tabAction('net', ['4', 'N'], text.actions.tabNet.help);
/** Shows the disks tab. */
export const tabDisks = tabAction('disks', ['5'], text.actions.tabDisks.help);
/** Shows the log tab. */
export const tabLog = tabAction('log', ['6'], text.actions.tabLog.help);
/** Shows the definition tab. */
export const tabConfig = tabAction('config', ['7', 'i'], text.actions.tabConfig.help);
/** Next tab. */
export const tabNext = tabStep('tab.next', ['tab', ']'], text.actions.tabNext.help, 1);
/** Previous tab. */
export const tabPrevious = tabStep('tab.previous', ['shift-tab', '['], text.actions.tabPrevious.help, -1);
