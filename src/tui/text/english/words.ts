/** Words that stand alone in many places. */
export const words = {
  none: 'none',
  yes: 'yes',
  no: 'no',
  settings: 'as the settings say',
  /** A place among all of them, or a part of the whole. */
  of: (part: number | string, whole: number | string) => `${part} of ${whole}`,
  /** What there was no room for. */
  andMore: (count: number) => `and ${count} more`,
};
