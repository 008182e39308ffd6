import {plural} from './plural.js';

/** What an action on machines says where it acts on many: what has to be typed before, and what is told of it. */
function ofMany(word: string, done: string, oneDone = done) {
  return {
    phrase: (count: number) => `${word} ${count}`,
    begun: (count: number) => `${plural(count, 'machine')}: ${word}…`,
    done: (count: number) => `${plural(count, 'machine')} ${count === 1 ? oneDone : done}.`,
  };
}

/** Actions on machines as a whole. */
export const machineActions = {
  clone: {
    help: 'Clone a machine that is off: a second one with its disks.',
    many: ofMany('clone', 'cloned'),
    done: (clone: string, name: string) => `${clone} was cloned from ${name}.`,
  },
  consoleFullscreen: {hint: 'full screen', help: 'The console on the whole screen; Ctrl-] comes back.'},
  copy: {
    help: 'Copy its name, an SSH line, its folder, an address or what its console shows.',
    refusals: {gone: 'The machine is gone.'},
  },
  edit: {
    hint: 'edit',
    help: 'Change what a machine is made of, its name, group and tags.',
    unchanged: (name: string) => `${name} is as it was.`,
    changed: (name: string) => `${name} is changed.`,
    made: (name: string) => `${name} is changed; u takes back what it is made of.`,
  },
  editAsText: {help: 'Change a machine as JSON in $EDITOR.'},
  fork: {
    hint: 'fork',
    help: 'Fork the machine: a second one goes on from the same instant.',
    many: ofMany('fork', 'forked'),
    done: (fork: string, name: string) => `${fork} was forked from ${name}.`,
  },
  kill: {
    hint: 'force off',
    help: 'Force the machine off, after asking; u goes back to what ran in it.',
    many: ofMany('force off', 'forced off'),
    title: 'Force off',
    question: (names: string) =>
      `Force ${names} off? The plug is pulled; u takes that back, unless it writes to an image of yours.`,
    yes: 'Force off',
    done: (name: string) => `${name} is off; u goes back to what ran in it.`,
  },
  newMachine: {
    hint: 'new',
    help: 'Make a new machine.',
    refusals: {unconnected: 'The manager is not connected, so nothing can be made yet.'},
    made: (name: string) => `${name} is made; s starts it.`,
  },
  open: {
    hint: 'console',
    help: 'Type into the console; starts the machine when it is off. On a group: fold it.',
  },
  pause: {
    hint: 'pause',
    help: 'Pause the machine; again resumes it.',
    many: ofMany('pause or resume', 'paused or resumed'),
  },
  reboot: {
    help: 'Reboot the machine, after asking: its guest powers off and boots again.',
    many: ofMany('reboot', 'rebooted'),
    title: 'Reboot',
    question: (names: string) => `Reboot ${names}? What runs there ends.`,
    yes: 'Reboot',
    asked: (name: string) => `Asked ${name} to power off, to boot it again.`,
    done: (name: string) => `${name} boots again.`,
  },
  remove: {
    hint: 'delete',
    help: 'Move the machine to the trash; u brings it back.',
    many: ofMany('delete', 'are in the trash; u brings them back one by one', 'is in the trash; u brings it back'),
    done: (name: string) => `${name} is in the trash; u brings it back.`,
  },
  save: {
    help: 'Save the machine: its state goes to a file, and starting it goes on from there.',
    many: ofMany('save', 'saved'),
    done: (name: string) => `${name} is saved.`,
  },
  shutdown: {
    hint: 'shut down',
    help: 'Ask the guest to power off.',
    many: ofMany('shut down', 'are off', 'is off'),
    asked: (name: string) => `Asked ${name} to power off.`,
    done: (name: string) => `${name} is off.`,
  },
  snapshot: {
    hint: 'snapshot',
    help: 'Take a snapshot of the machine, which goes on.',
    many: ofMany('snapshot', 'have a new snapshot', 'has a new snapshot'),
    done: (snapshot: string, name: string) => `${snapshot} of ${name} is taken.`,
  },
  ssh: {
    hint: 'ssh',
    help: "Log in to the guest's own SSH server as root; its end leads back here.",
    refusals: {
      notRunning: (name: string, state: string) => `${name} is ${state}: it can be logged in to while it runs.`,
    },
  },
  start: {
    hint: 'start',
    help: 'Start the machine (a saved one goes on), or resume a paused one.',
    many: ofMany('start', 'started'),
  },
  undo: {help: 'Take back the last removal, force-off, restore, renaming or change of disks.'},
};
