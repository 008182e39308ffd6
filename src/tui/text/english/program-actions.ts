/** Actions on the program itself. */
export const programActions = {
  quit: {hint: 'quit', help: 'Leave; machines keep running.'},
};
