/** The Timeline tab. */
export const timeline = {
  current: 'current',
  ago: (age: string) => `${age} ago`,
  on: ({interval, used, budget}: {interval: string; used: string; budget: string}) =>
    `one every ${interval}; checkpoints take ${used} of ${budget}`,
  off: ({used, budget}: {used: string; budget: string}) => `the timeline is off; checkpoints take ${used} of ${budget}`,
  none: {
    on: (interval: string) => `No points yet: t takes one; the timeline takes one every ${interval}.`,
    off: 'No points yet: t takes one; the timeline is off.',
    notRunning: 'No points yet: they are taken while the machine runs.',
    turnOn: (command: string) => `Turn it on: ${command}`,
  },
};
