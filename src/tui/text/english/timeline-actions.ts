/** Actions on the points of a machine's timeline. */
export const timelineActions = {
  points: {
    refusals: {
      none: 'There is no point yet; t takes one of a machine that runs.',
      gone: 'That point is gone.',
    },
  },
  pointFork: {
    hint: 'fork',
    help: 'Fork at the point: a second machine goes on from there.',
    done: (fork: string, point: string, name: string) => `${fork} was forked from ${point} of ${name}.`,
  },
  pointNext: {hint: 'later', help: 'Look at the point after; at the newest, new ones are followed.'},
  pointPin: {
    hint: 'pin',
    help: 'Pin the point: it stays, and gets a name and a note.',
    title: (point: string) => `Pin ${point}`,
    name: {label: 'Name', placeholder: 'chosen for you'},
    note: {label: 'Note', placeholder: 'what it is for'},
    submit: 'Pin',
    done: (point: string) => `${point} stays.`,
  },
  pointPrevious: {hint: 'earlier', help: 'Look at the point before.'},
  pointRemove: {
    hint: 'remove',
    help: 'Remove the point for good, after asking.',
    title: 'Remove point',
    question: (point: string, name: string) => `Remove ${point} of ${name}? It cannot be brought back.`,
    yes: 'Remove',
    done: (point: string) => `${point} is removed.`,
  },
  pointRestore: {
    hint: 'go back',
    help: 'Go back to the point, after asking; the present state stays as an undo point.',
    title: 'Go back',
    /** `cost` is one of the sentences below. */
    question: (point: string, age: string, cost: string) => `Go back to ${point}, ${age}? ${cost}`,
    costs: {
      kept: (name: string) => `The present state of ${name} stays as an undo point.`,
      disksLost: (name: string) => `${name} is off; what was written to its disks since then is lost.`,
      nothing: (name: string) => `${name} is off, and starts from there.`,
    },
    yes: 'Go back',
    begun: (point: string) => `Going back to ${point}…`,
    done: (name: string, point: string, age: string) => `${name} is at ${point}, ${age}.`,
    undo: (point: string) => `What was there stays as ${point} (T).`,
  },
};
