/** Actions on the graphs of a machine, and on the view of the whole fleet. */
export const graphActions = {
  fleetClose: {hint: 'back', help: 'Go back to the list.'},
  fleetDown: {help: 'Go to the row below.'},
  fleetOpen: {hint: 'its graphs', help: 'Show the graphs of the machine.'},
  fleetOrders: {cpu: 'cpu', memory: 'memory', disk: 'disk', net: 'net'},
  fleetSortNext: {hint: 'sort', help: (orders: readonly string[]) => `Sort by the next number: ${orders.join(', ')}.`},
  fleetSortPrevious: {help: 'Sort by the number before.'},
  fleetUp: {help: 'Go to the row above.'},
  fleetView: {hint: 'fleet', help: 'Show what the whole fleet takes of the host; again goes back.'},
  graphsBack: {help: 'Scroll to the graphs before, where not all fit.', refusals: {all: 'All graphs are in sight.'}},
  graphsOn: {hint: 'more graphs', help: 'Scroll to the graphs after.'},
  spanLonger: {
    hint: 'longer time',
    help: 'Show a longer time; it goes on while the UI is closed.',
    refusals: {longest: 'There is no longer time.'},
  },
  spanShorter: {
    help: (spans: readonly string[]) => `Show a shorter time: ${spans.join(', ')}.`,
    refusals: {shortest: 'There is no shorter time.'},
  },
};
