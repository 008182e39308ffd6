/** What is said of several machines that an action is for. */
export const manyMachines = {
  /** Machines by their names; `more` are there besides those that are named. */
  names: (names: readonly string[], more: number) => {
    if (more > 0) return `${names.join(', ')} and ${more} more`;
    return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  },
  title: 'Many machines',
  question: (names: string) => `This acts on ${names}.`,
  yes: 'Do it',
  refused: (count: number) => `${count} could not be in the state they are in.`,
  failed: (count: number, firstReason: string) => `${count} failed: ${firstReason}`,
  noneCan: (count: number, reason: string) => `None of ${count} machines can: ${reason}`,
};
