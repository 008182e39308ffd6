/** Every screen and dialog in a real terminal: it fits into a small one, and is answered in all ways. */
import {expect, test} from 'vitest';
import type * as screens from '../../src/tui/screens/registry.js';
import {type DialogLook, misfitOf} from '../support/dialog-frame.js';
import {esc, type Sight, type Step, type, walk} from '../support/journey.js';
import {tuiOfFile} from '../support/start-tui.js';
import type {TerminalSession} from '../support/terminal.js';

const tui = tuiOfFile();

/** A dialog, or a screen of its own, and the ways out of it: each begins with it open and ends where it can be opened. */
interface Scene {
  readonly fleet: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly begins: string;
  /** On the way to where it can be opened. */
  readonly before?: readonly Step[];
  /** What opens it; without that it is what the program begins with. */
  readonly open?: Step;
  /** How it looks; of what is no dialog, the texts that are to be seen. */
  readonly look: DialogLook | readonly string[];
  readonly ways: readonly (readonly Step[])[];
}

const ALPHA = {fleet: 'alpha:running', begins: 'alpha  ● running'};
const OFF = {fleet: 'alpha:defined', begins: 'alpha  ○ off'};
const WIZARD = 'Enter create and start · Tab next field · Esc cancel';
const YES_NO = 'y yes · n no · Enter takes the highlighted one';
const PASTE = '\x1b[200~one\rtwo \x1b[31m\rthree\rfour\rfive\rsix\rseven\x1b[201~';
const many = Array.from({length: 25}, (_, index) => `m-${index + 1}:running`).join(',');

const enter = (sight: Sight) => type('\r', sight);

/** A scene is missing here: the type checker says so. */
const SCENES: Readonly<Record<keyof typeof screens, Readonly<Record<string, Scene>>>> = {
  ConfirmScreen: {
    'a question whose answer loses running state': {
      ...ALPHA,
      open: type('K', 'Force alpha off?'),
      look: {
        title: 'Force off',
        footer: YES_NO,
        has: ['unless it writes to an image of yours.', '[ No ]  [ Force off ]'],
      },
      ways: [
        [enter({gone: 'Force alpha off?'})],
        [esc('Force alpha off?')],
        [type('n', {gone: 'Force alpha off?'})],
        [type('q', {gone: 'Force alpha off?'})],
        // To yes and back.
        [
          type('\t', {highlighted: '[ Force off ]'}),
          type('h', {highlighted: '[ No ]'}),
          enter({gone: 'Force alpha off?'}),
        ],
        // Nothing of all this has done anything.
        [type('\x1b[C', {highlighted: '[ Force off ]'}), enter('alpha is off;')],
      ],
    },
    'a phrase before many machines': {
      fleet: many,
      begins: 'm-1  ● running',
      before: [type('\x01', '25 marked')],
      open: type('S', 'Many machines'),
      look: {
        title: 'Many machines',
        footer: 'Esc no',
        has: ['This acts on m-1', 'and 22 more.', 'Type shut down 25 to do it:'],
      },
      ways: [
        [enter('Type shut down 25 to do it:'), esc('Type shut down 25')].slice(1),
        [type('y\r', 'to do it: y'), esc('Type shut down 25')],
        [type('shut down 25', 'Enter: do it'), enter('25 machines are off.')],
      ],
    },
    'a phrase before what cannot be brought back': {
      ...ALPHA,
      env: {POINTS: '2'},
      before: [type('T', 'shown at auto-2')],
      open: type('d', 'Remove auto-2 of alpha?'),
      look: {title: 'Remove point', footer: 'Esc no', has: ['It cannot be brought back.', 'Type auto-2 to do it:']},
      ways: [[esc('Remove auto-2')], [type('auto-2\r', 'auto-2 is removed.')]],
    },
    'going back to a point': {
      ...ALPHA,
      env: {POINTS: '2'},
      before: [type('T', 'shown at auto-2')],
      open: enter('Go back to auto-2'),
      look: {title: 'Go back', footer: YES_NO, has: ['stays as an undo point.', '[ No ]  [ Go back ]']},
      ways: [[enter({gone: 'Go back to auto-2'})], [type('y', 'alpha is at auto-2')]],
    },
  },
  FormScreen: {
    'the ports to forward': {
      ...ALPHA,
      before: [type('4', '52:54:00')],
      open: type('a', 'Forward to alpha'),
      look: {
        title: 'Forward to alpha',
        footer: 'Enter forward · Tab next field · Esc cancel',
        has: ['▸ Ports', '8080:80, 0.0.0.0:8080:80'],
      },
      ways: [
        [esc('Forward to alpha')],
        [enter('Give HOSTPORT:GUESTPORT, like 8080:80.'), esc('Forward to alpha')],
        [type('80:8080\r', {gone: 'Forward to alpha'})],
      ],
    },
    'a disk to attach': {
      ...OFF,
      before: [type('5', 'no disk')],
      open: type('a', 'Attach a disk to alpha'),
      look: {title: 'Attach a disk to alpha', footer: 'Enter attach · Tab next field · Esc cancel', has: ['▸ Disk']},
      ways: [[esc('Attach a disk')], [type('cows\r', 'Give a size'), esc('Attach a disk')], [type('1G\r', '▸ vda')]],
    },
    'a point to pin': {
      ...ALPHA,
      env: {POINTS: '2'},
      before: [type('T', 'shown at auto-2')],
      open: type('P', 'Pin auto-2'),
      look: {title: 'Pin auto-2', footer: 'Enter pin · Tab next field · Esc cancel', has: ['▸ Name', 'Note']},
      ways: [
        [esc('Pin auto-2')],
        [type('\t', '▸ Note'), type('\x1b[A', '▸ Name'), esc('Pin auto-2')],
        [type('good\r', 'good stays.')],
      ],
    },
    'a file to record into': {
      ...ALPHA,
      open: type('R', 'Record alpha'),
      look: {title: 'Record alpha', footer: 'Enter record · Tab next field · Esc cancel', has: ['▸ File', '~/alpha-']},
      ways: [
        [esc('Record alpha')],
        [type('\x15/no/such/folder/file\r', 'ENOENT'), esc('Record alpha')],
        // The end of a long path, where one types, stays in sight.
        [type(`\x15/${'folder/'.repeat(12)}the-end`, 'the-end'), esc('Record alpha')],
        [type('\x15~/dialog.cast\r', 'Recording alpha into')],
      ],
    },
    'a file for a screenshot': {
      ...ALPHA,
      open: type('X', 'Screenshot of alpha'),
      look: {
        title: 'Screenshot of alpha',
        footer: 'Enter write · Tab next field · Esc cancel',
        has: ['▸ File', '~/alpha-'],
      },
      ways: [[esc('Screenshot of alpha')], [type('\x15~/dialog.txt\r', 'What alpha shows is in')]],
    },
  },
  MachineFormScreen: {
    'the wizard': {
      ...OFF,
      open: type('n', '$ viv create debian-mini --start'),
      look: {
        title: 'New machine',
        footer: WIZARD,
        has: ['▸ debian-mini', 'Name', 'CPUs', '$ viv create'],
        isList: true,
      },
      ways: [
        [esc('New machine')],
        [type('\talpha\r', 'There is already a machine called alpha.'), esc('New machine')],
        [enter('brave-otter  ● running')],
      ],
    },
    'the edit form': {
      ...OFF,
      open: type('e', 'Edit alpha'),
      look: {
        title: 'Edit alpha',
        footer: 'Enter change · Tab next field · Esc cancel',
        has: ['▸ Name', 'Memory', 'Tags'],
        isList: true,
      },
      ways: [
        [esc('Edit alpha')],
        [type('\x15a b', '▸ Name ✗'), esc('Edit alpha')],
        [enter('alpha is as it was.')],
        [type('-2\r', 'alpha-2 is changed')],
      ],
    },
  },
  ConsoleDialogScreen: {
    'the guard of pastes': {
      ...ALPHA,
      before: [enter('leave the console')],
      open: type(PASTE, 'Type 7 lines'),
      look: {
        title: 'Paste',
        footer: YES_NO,
        has: ['into alpha?', 'one two ^[[31m three', '… 2 more', '[ No ]  [ Type it ]'],
        isList: true,
      },
      ways: [
        [enter({gone: 'Type 7 lines'})],
        [esc('Type 7 lines')],
        [
          type('\t', {highlighted: '[ Type it ]'}),
          type('\t', {highlighted: '[ No ]'}),
          type('n', {gone: 'Type 7 lines'}),
        ],
        [type('y', '~ # six')],
      ],
    },
    'the chords of a console': {
      ...ALPHA,
      before: [enter('leave the console')],
      open: type('\r~?', 'In a console'),
      look: {
        title: 'In a console',
        footer: 'any key closes',
        has: ['Enter ~ .', 'send one ~ to the guest', 'any key returns'],
      },
      ways: [[esc('In a console')], [type('x', {gone: 'In a console'})]],
    },
  },
  ActivityScreen: {
    'jobs and events': {
      ...ALPHA,
      open: type('l', 'Jobs and events'),
      look: {
        title: 'Jobs and events',
        footer: 'x cancels the job · / filters · PgUp older · Esc closes',
        has: ['No job is running.', 'alpha was created.'],
      },
      ways: [
        [esc('Jobs and events')],
        [type('q', {gone: 'Jobs and events'})],
        [type('x', 'There is no job to cancel.'), type('l', {gone: 'Jobs and events'})],
        [type('/zzz', {gone: 'alpha was created.'}), esc('zzz'), esc('Jobs and events')],
      ],
    },
  },
  PaletteScreen: {
    'the palette': {
      ...ALPHA,
      open: type(':', 'What to do'),
      look: {title: 'What to do', footer: 'Enter does it · Esc closes', has: [':', '▸ l'], isList: true},
      ways: [
        [esc('What to do')],
        [type('zzzqqq\r', 'Nothing is called that.'), esc('What to do')],
        [type('pause the', '▸ p'), enter('alpha  ‖ paused')],
      ],
    },
  },
  MenuScreen: {
    'the menu of a machine': {
      ...ALPHA,
      open: type('m', 'Force the machine off'),
      look: {
        title: 'Machine',
        footer: 'Enter or its letter · Esc closes',
        has: ['▸ Enter', 'Pause the machine'],
        isList: true,
      },
      ways: [
        [esc('Force the machine off')],
        [type('q', {gone: 'Force the machine off'})],
        [type('j', '▸ s'), type('k', '▸ Enter'), type('m', {gone: 'Force the machine off'})],
        [type('p', 'alpha  ‖ paused')],
        [type('jj', '▸ p'), enter('alpha  ● running')],
      ],
    },
  },
  CopyMenuScreen: {
    'what can be copied': {
      ...ALPHA,
      open: type('y', '10.0.2.15'),
      look: {
        title: 'Copy',
        footer: 'Enter or its digit copies · Esc closes',
        has: ['▸ 1 name', 'viv ssh root@alpha', 'ssh -p 2222 alpha@localhost', 'what its console shows', '10.0.2.15'],
      },
      ways: [
        [esc('viv ssh root@alpha')],
        [type('q', {gone: 'viv ssh root@alpha'})],
        [type('j', '▸ 2'), type('k', '▸ 1'), enter('Copied 1 line (5B)')],
        [type('2', 'Copied 1 line (18B)')],
      ],
    },
  },
  QuestionScreen: {
    'what a guest wants to reach': {
      ...ALPHA,
      env: {ASK: 'example.org,other.org'},
      begins: 'alpha wants to reach',
      look: {
        title: 'Network',
        footer: '↑ ↓ choose · Enter answers · Esc later',
        has: [
          'example.org:443 (192.0.2.7) by TCP',
          '1 more waits for an answer.',
          '▸ Deny',
          'Allow once',
          'Allow always',
        ],
      },
      ways: [
        // The next one opens when the first is put off, a frame later perhaps.
        [type('\x1b', 'other.org:444'), esc('wants to reach'), type('A', 'example.org:443')],
        [
          // The guest hears of it first.
          enter({gone: 'wants to reach'}),
          type('A', '▸ Deny: refuse it'),
          type('\x1b[B', '▸ Deny always'),
          type('\x1b[B', '▸ Allow once'),
          enter('[allow]'),
        ],
      ],
    },
  },
  HelpScreen: {
    'all keys': {
      ...ALPHA,
      open: type('?', 'Keys in Console'),
      look: {
        title: 'Keys in Console',
        footer: '↓ more · any other key closes',
        has: ['Machines', 'Enter'],
        isList: true,
      },
      ways: [
        [esc('Keys in Console')],
        [type('x', {gone: 'Keys in Console'})],
        [type('\x1b[6~'.repeat(12), /╰ any key closes/), type('k', '↓ more'), type('q', {gone: 'Keys in'})],
      ],
    },
  },
  FirstRunScreen: {
    'an empty fleet': {
      fleet: '',
      begins: '▸ Boot debian-mini',
      env: {IMAGE: 'missing'},
      look: [
        'There is no machine yet.',
        '▸ Boot debian-mini',
        'press Enter',
        'once; the first time its packages are downloaded',
      ],
      ways: [
        [enter('Esc cancels and leaves nothing half-made'), esc('Esc cancels')],
        [type('n', 'New machine'), esc('New machine')],
      ],
    },
    'an empty fleet whose image is there': {
      fleet: '',
      begins: '▸ Boot debian-mini',
      look: ['▸ Boot debian-mini', 'press Enter'],
      ways: [[enter('brave-otter')]],
    },
  },
  ConnectingScreen: {
    'a manager that is slow': {
      fleet: '',
      env: {MANAGER: 'slow'},
      begins: 'Starting the manager…',
      look: ['Starting the manager…'],
      ways: [[type('n', 'The manager is still starting.'), type('?', 'Keys in'), type('x', {gone: 'Keys in'})]],
    },
    'a manager that cannot be started': {
      fleet: '',
      env: {MANAGER: 'none'},
      begins: 'The manager cannot be started.',
      look: ['The manager cannot be started.', 'See viv doctor.'],
      ways: [[type('s', 'The manager has ended.')]],
    },
  },
  FleetScreen: {
    'list and pane': {
      ...ALPHA,
      begins: '~ #',
      look: ['vivarium  local · 1 running 1 total', '╭ Machines ─', '▸ alpha', '╭ alpha  ● running', '? help'],
      ways: [[type('_', {gone: '1 Console'}), type('+', '1 Console')]],
    },
  },
  FleetViewScreen: {
    'the whole fleet': {
      ...ALPHA,
      open: type('v', 'Host memory'),
      look: ['Host memory', 'alpha', 'all 1', '? help'],
      ways: [
        [type('v', {gone: 'Host memory'})],
        // The keys of what one sees.
        [type('?', 'Keys in Fleet view'), esc('Keys in'), esc('Host memory')],
        [enter('CPU %')],
      ],
    },
  },
  FullscreenScreen: {
    'one console on the whole screen': {
      ...ALPHA,
      open: type('c', 'leaves (twice sends it)'),
      look: ['alpha  ● running', 'Ctrl-] leaves (twice sends it)', '~ #'],
      ways: [[type('\x1d', {gone: 'leaves (twice'})], [enter(/~ # *\n~ #/), type('~.', {gone: 'leaves (twice'})]],
    },
  },
  WallScreen: {
    'a wall of consoles': {
      fleet: 'alpha:running,beta:running',
      begins: 'alpha  ● running',
      open: type('W', '▸ alpha  ● running'),
      look: ['╭ ▸ alpha  ● running', '╭ beta  ● running', 'Enter types into it', '? help'],
      ways: [
        [esc('▸ alpha  ● running')],
        [enter('Ctrl-] leaves'), type('\x1d', 'Enter types into it'), type('W', 'NAME↓')],
      ],
    },
  },
};

const all = Object.values(SCENES).flatMap((scenes) => Object.entries(scenes));

test.each(all)('%s', async (_name, {fleet, env, begins, before = [], open, look, ways}) => {
  await using terminal = tui.open(fleet, {columns: 80, rows: 24}, env);
  await terminal.see(begins);
  await walk(terminal, [...before, ...(open === undefined ? [] : [open])]);
  await fits(terminal, look);
  terminal.resize(60, 20);
  await terminal.until('to have the size', () => terminal.rows.length === 20);
  await fits(terminal, look);
  for (const [index, way] of ways.entries())
    await walk(terminal, [...(index > 0 && open !== undefined ? [open] : []), ...way]);
});

async function fits(terminal: TerminalSession, look: Scene['look']): Promise<void> {
  const misfit = () =>
    'has' in look ? misfitOf(terminal.rows, look) : look.find((text) => !terminal.text.includes(text));
  await terminal.until('to have all of it', () => misfit() === undefined, 4000).catch(() => undefined);
  expect(misfit(), terminal.text).toBeUndefined();
}
