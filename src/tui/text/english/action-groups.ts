/** Titles of the groups of actions, as the help page has them. */
export const actionGroups = {
  Machines: 'Machines',
  Console: 'Console',
  Marks: 'Marks',
  Timeline: 'Timeline',
  Network: 'Network',
  Graphs: 'Graphs',
  'Fleet view': 'Fleet view',
  Disks: 'Disks',
  Moving: 'Moving',
  View: 'View',
  Program: 'Program',
};
