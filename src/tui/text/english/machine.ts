/** The pane of a machine: its tabs, its border, and why nothing happens in it. */
export const machine = {
  tabs: {
    console: 'Console',
    graphs: 'Graphs',
    timeline: 'Timeline',
    net: 'Net',
    disks: 'Disks',
    log: 'Log',
    config: 'Config',
  },
  booting: (stage: string) => `booting: ${stage}`,
  traffic: (received: string, sent: string) => `rx ${received} tx ${sent}`,
  diskTraffic: (read: string, written: string) => `disk r ${read} w ${written}`,
  off: 'This machine is off. Press Enter or s to start it.',
  saved: 'This machine is saved. Press Enter or s: it goes on from there.',
  starting: 'Starting…',
  building: (subject: string, progress: string) => `Building ${subject}: ${progress}`,
  /** What it boots. */
  itsDisks: 'its disks',
};
