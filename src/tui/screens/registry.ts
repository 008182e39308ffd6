export {ConfirmScreen} from './confirm.js';
export {ConnectingScreen} from './connecting.js';
export {ConsoleDialogScreen} from './console-dialog.js';
export {FirstRunScreen} from './first-run.js';
export {FleetScreen} from './fleet.js';
export {FormScreen} from './form.js';
export {FullscreenScreen} from './fullscreen.js';
export {HelpScreen} from './help.js';
