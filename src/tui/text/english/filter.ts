/** What makes no sense in a filter. Words of its language are the same everywhere. */
export const filter = {
  noKey: (key: string, keys: readonly string[]) => `There is no ${key}: to filter by; there are ${keys.join(': ')}:.`,
  noSize: 'Compare mem with a size, as in mem>256M.',
  noPercent: 'Compare cpu with percent, as in cpu>50.',
};
