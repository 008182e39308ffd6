/** What machines may be called: the daemon refuses other names, and a form says so while one is typed. */

/** Longest name: it becomes the guest's host name, whose labels end at 63 characters. */
export const MAX_NAME_LENGTH = 63;

/** Why a text cannot be a machine's name, as the end of a sentence; undefined when it can. */
export function findNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > MAX_NAME_LENGTH) return `it is longer than ${MAX_NAME_LENGTH} characters`;
  if (/\p{Cc}/u.test(name)) return 'it contains control characters';
  if (name.includes('/')) return 'it contains a slash';
  if (/\s/u.test(name)) return 'it contains a blank';
  if (name.startsWith('-')) return 'it begins with a dash, like an option';
  if (!/^[A-Za-z0-9]/.test(name)) return 'it does not begin with a letter or digit';
  const odd = /[^A-Za-z0-9._-]/u.exec(name)?.[0];
  if (odd !== undefined) return `it contains ${quoteName(odd)}`;
  // An id wins over a name when a machine is looked up, so a name must not look like one.
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name)) return 'it looks like a machine id';
  return undefined;
}

/** For messages: control characters shown as escapes, long text cut. */
export function quoteName(text: string): string {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
