/** How the UI stands to the manager: on the screen without a fleet, in the top line, and why nothing can be asked of it. */
export const manager = {
  starting: 'Starting the manager…',
  ended: 'The manager has ended.',
  again: 'Press q, then run viv again.',
  header: {
    connecting: 'starting the manager…',
    lost: 'connection to the manager lost, reconnecting…',
    ended: 'the manager was stopped; any viv command starts it again',
    closed: 'the manager has ended',
  },
  refusals: {
    lost: 'The connection to the manager is lost; it is tried again by itself.',
    ended: 'The manager was stopped; any viv command starts it again, and this goes on.',
    connecting: 'The manager is still starting.',
  },
};
