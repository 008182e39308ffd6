/** States and kinds, as words that stand alone. */
export const states = {
  /** Of a machine, where there is room. */
  words: {
    defined: 'off',
    starting: 'starting',
    running: 'running',
    paused: 'paused',
    stopping: 'shutting down',
    saving: 'saving',
    saved: 'saved',
    crashed: 'crashed',
    broken: 'broken',
  },
  /** The same in a list. Units: at most five cells */
  shorts: {
    defined: 'off',
    starting: 'start',
    running: 'run',
    paused: 'pause',
    stopping: 'stop',
    saving: 'save',
    saved: 'saved',
    crashed: 'crash',
    broken: 'broke',
  },
  /** The same as headings of groups, and in sentences: what the filter calls them. */
  names: {
    defined: 'off',
    starting: 'starting',
    running: 'running',
    paused: 'paused',
    stopping: 'stopping',
    saving: 'saving',
    saved: 'saved',
    crashed: 'crashed',
    broken: 'broken',
  },
  /** What the fleet view counts together. */
  groups: {running: 'running', paused: 'paused', busy: 'busy', off: 'off', failed: 'failed'},
  jobs: {running: 'running', done: 'done', failed: 'failed', cancelled: 'cancelled'},
  /** Stages of a boot. */
  boots: {
    loader: 'boot loader',
    kernel: 'kernel',
    initramfs: 'initramfs',
    fileSystems: 'file systems',
    services: 'services',
  },
  /** Kinds of points of a timeline. */
  points: {snapshot: 'snapshot', checkpoint: 'checkpoint', undo: 'undo point'},
};
