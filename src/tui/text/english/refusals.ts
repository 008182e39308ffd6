/** Why something cannot be done, where several places say the same. */
export const refusals = {
  noMachineYet: 'There is no machine yet.',
  nothingToCopy: 'There is nothing to copy there.',
};
