/** Jobs and events, and a job as a line. */
export const activity = {
  title: 'Jobs and events',
  footer: 'x cancels the job · / filters · PgUp older · Esc closes',
  filterFooter: 'Enter keeps it · Esc clears it',
  noJob: 'No job is running.',
  events: 'Events',
  left: (time: string) => `${time} left`,
};
