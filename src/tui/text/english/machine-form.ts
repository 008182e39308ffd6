/** The wizard for a new machine and the form that changes one; their fields are in `machine-fields.ts`. */
export const machineForm = {
  create: {title: 'New machine', submit: 'create', submitAndStart: 'create and start'},
  edit: {title: (name: string) => `Edit ${name}`, submit: 'change'},
  /** What is wrong with a field that does not have the keys. */
  problem: (label: string, problem: string) => `${label}: ${problem}`,
  savedLock: (name: string) => `${name} is saved with what it has: go on from it and shut it down to change that.`,
  liveLock: (name: string, state: string) =>
    `${name} is ${state}: what it is made of can change when it is off (S shuts it down).`,
  more: 'more',
  image: {
    building: 'being built',
    cached: (size: string | undefined) => (size === undefined ? 'cached' : `cached ${size}`),
    missing: (download: string | undefined) =>
      download === undefined ? 'is to be built' : `downloads about ${download}`,
  },
};
