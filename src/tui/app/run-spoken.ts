/**
 * The UI for screen readers: the same session, keys and actions as the TUI, told as lines. Nothing is drawn and no escape
 * sequence is written; a console is what `viv console` makes of the lent terminal.
 */
import {constants} from 'node:os';
import {stateLook} from '../state/presenters/machine.js';
import {isLive, selectedMachine} from '../state/selectors.js';
import {detectAscii} from '../terminal/host-terminal.js';
import {LineTerminal} from '../terminal/line-terminal.js';
import {StdinRouter} from '../terminal/stdin-router.js';
import {text} from '../text/text.js';
import {ConsoleWish} from './console-wish.js';
import {InputController} from './input-controller.js';
import {TerminalLender} from './lent-terminal.js';
import {LineOutput} from './line-output.js';
import {Recordings} from './recordings.js';
import type {TuiOptions} from './run-tui.js';
import {Session} from './session.js';
import {Speaker} from './speaker.js';
import {spokenConsoleTools} from './spoken-console.js';

/** Where nothing is drawn, no action is to fail for want of room. */
const SIZE = {columns: 120, rows: 35};

/** Runs the UI until the person leaves. Resolves with the exit status. */
export async function runSpoken({input, output, env, connect}: TuiOptions): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const session = stack.use(new Session(env, SIZE));
  const {store, actions, dispatch, toast, openConsole} = session;
  const lines = new LineOutput((line) => output.write(line), detectAscii(env));
  const terminal = stack.use(new LineTerminal(input, (signal) => session.end(128 + constants.signals[signal])));
  const speaker = new Speaker(lines.tell, actions);
  const recordings = stack.use(new Recordings(openConsole, {tell: (news) => dispatch({type: 'console', news}), toast}));
  const controller = new InputController(actions, session.context);
  const router = stack.use(
    new StdinRouter(input, (event) => {
      wish.drop();
      controller.handle(event);
    }),
  );
  const lender = new TerminalLender(input, output, {
    host: terminal,
    output: {
      hold: () => lines.hold(),
      release: () => {
        lines.release();
        speaker.follow(store.getState());
      },
    },
    router: () => router,
    isEnded: () => session.isOver,
  });
  const wish = new ConsoleWish((name) => {
    lender.lend(['console', name]).catch(session.failed);
  });
  session.showOn({
    // Messages go by; all else is told as it is when the terminal is back.
    sync: (state) => {
      if (lines.isHeld) speaker.tellToast(state);
      else {
        speaker.follow(state);
        wish.follow(state);
      }
    },
    connected: () => undefined,
    console: spokenConsoleTools({recordings, openConsole, toast, tell: lines.tell}),
    lendTerminal: (args) => lender.lend(args),
    focusConsole: (isFullscreen) => {
      const machine = selectedMachine(store.getState());
      if (isFullscreen && machine !== undefined && !isLive(machine.state))
        toast(text.speech.notLive(machine.name, stateLook(machine.state).word), 'error');
      else wish.want(store.getState());
    },
  });

  terminal.enter();
  input.once('end', () => session.end(0));
  // A terminal that went away cannot be told anything more.
  output.on('error', () => session.end(1));
  lines.tell(text.speech.welcome);
  speaker.follow(store.getState());
  session.tellProblems();
  stack.use(session.connect(connect));
  const status = await session.ended;
  const recorded = await recordings.endAll();
  terminal.leave();
  lines.release();
  for (const sentence of recorded) lines.tell(sentence);
  if (status === 0 && session.farewell !== '') lines.tell(session.farewell);
  return status;
}
