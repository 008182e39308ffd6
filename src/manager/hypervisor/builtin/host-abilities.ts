/** What the built-in machine makes use of where the host has it. */
import {type HostFusion, hostFusion} from '../../../engine/codegen/host-fusion.js';
import {findHindrance, type Hindrance} from '../../../engine/compiler/flags.js';
import {ManagerError} from '../../protocol/errors.js';

/** How this host does guests' fused multiply-adds: itself, or not, and then they are computed exactly in many steps. */
export function usedFusion(): HostFusion {
  return hostFusion();
}

/** The option of this process that slows machines in it most, if there is one. */
export function compilerHindrance(): Hindrance | undefined {
  return findHindrance();
}

/** Errors: not-supported, where Node was started without WebAssembly */
export function checkWebAssembly(): void {
  if (typeof WebAssembly === 'object') return;
  throw new ManagerError(
    'not-supported',
    'This Node.js was started without WebAssembly (--jitless), and machines run on it.',
    'Leave that option out, in NODE_OPTIONS too.',
  );
}
