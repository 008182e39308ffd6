/** What is wrong with files of the person's host. */
export const files = {
  unreadable: (path: string, detail: string) => `${path} cannot be read: ${detail}.`,
  unwritable: (path: string, detail: string) => `${path} cannot be written: ${detail}.`,
  exists: (path: string) => `${path} is there already.`,
  hints: {path: 'Check the path.', otherName: 'Choose another name.'},
};
