/** What is wrong with a person's own settings, and what becomes of it. */
export const settings = {
  notKeymap: (detail: string) => `The keymap must map action ids to lists of keys: ${detail}`,
  unknownAction: (id: string) => `The keymap names an action that does not exist: ${id}.`,
  boundTwice: (key: string, id: string, otherId: string) => `The key ${key} is bound to both ${id} and ${otherId}.`,
  /** `conflict` is a sentence: what `boundTwice` says. */
  keepsKeys: (conflict: string, id: string) => `keymap.json: ${conflict} ${id} keeps its usual keys.`,
  notTheme: (path: string, detail: string) => `${path} is not a theme: ${detail}`,
  badGraphs: (styles: readonly string[], given: string) =>
    `VIVARIUM_GRAPHS must be ${styles.join(', ')}, not ${given}.`,
  more: (problem: string, count: number) => `${problem} (${count} more)`,
};
