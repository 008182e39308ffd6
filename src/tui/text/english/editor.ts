/** A machine as JSON in the person's own editor, which has the terminal meanwhile. */
export const editor = {
  none: 'There is no editor: EDITOR is not set, and neither vi nor nano is installed.',
  noneHint: 'Set EDITOR to the one you like, or use the options of viv edit.',
  failed: (command: string, reason: string) => `The editor ${command} ${reason}; nothing is changed.`,
  killed: (command: string, signal: string) => `The editor ${command} ended with ${signal}; nothing is changed.`,
  ended: (command: string, status: number) => `The editor ${command} ended with status ${status}; nothing is changed.`,
  failedHint: 'Check EDITOR.',
  lockedHint: (name: string) => `See viv show ${name}.`,
  goOn: 'Enter goes on editing, q gives up:',
  givenUp: 'Nothing more is changed.',
  /** What is wrong with what was written there. `place` names a member. */
  problems: {
    notJson: (detail: string) => `That is no JSON: ${detail}.`,
    wrong: 'Something is wrong with it.',
    wrongAt: (place: string, what: string) => `At ${place}: ${what}.`,
    wrongAtBeginning: (what: string) => `At the beginning: ${what}.`,
    unknown: (place: string) => `At ${place}: there is nothing of that name.`,
    /** `reason` is a sentence. */
    locked: (place: string, reason: string) => `At ${place}: ${reason}`,
    notTakenAway: (place: string) => `At ${place}: can be changed, but not taken away.`,
    notName: (reason: string) => `cannot be a name: ${reason}`,
    notSize: 'is a size of at least 8M, like "512M" or "2G"',
  },
};
