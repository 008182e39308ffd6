/** Everything that can happen to the state; `reducer.ts` says what follows. */
import type {FleetEvent} from '../../manager/protocol/events.js';
import type {Image} from '../../manager/protocol/image.js';
import type {Job} from '../../manager/protocol/job.js';
import type {Machine} from '../../manager/protocol/machine.js';
import type {HostSample, MachineSample} from '../../manager/protocol/metrics.js';
import type {NetworkStatus} from '../../manager/protocol/network.js';
import type {ThemeName} from '../theme.js';
import type {BootSeen} from './boot-stage.js';
import type {ConsoleNews} from './console.js';
import type {DisksNews} from './disks.js';
import type {LoadedCurves} from './graphs.js';
import type {Arrangement} from './layout.js';
import type {ListNews} from './list.js';
import type {Connection, FirstRun, Focus, Overlay, PacketLine, ScreenSize, Tab, TimelineView, Toast} from './model.js';

/** What is seen of the network of a machine; `networkFollowed` is that of another from now on. */
export type NetworkNews =
  | {readonly type: 'networkFollowed'; readonly machineId: string}
  | {readonly type: 'networkLoaded'; readonly machineId: string; readonly status: NetworkStatus}
  | {readonly type: 'networkFailed'; readonly machineId: string; readonly problem: string}
  | {
      readonly type: 'packetsSeen';
      readonly machineId: string;
      readonly packets: readonly PacketLine[];
      readonly missedCount: number;
    };

/** What became of the graphs: what a person chose, and what the daemon told for it. */
export type GraphsNews =
  | {readonly type: 'spanMoved'; readonly by: number}
  | {readonly type: 'chartsScrolled'; readonly by: number}
  | {readonly type: 'curvesLoaded'; readonly curves: LoadedCurves}
  | {readonly type: 'curvesFailed'; readonly problem: string}
  | {readonly type: 'fleetViewShown'; readonly isShown: boolean}
  | {readonly type: 'fleetOrderMoved'; readonly by: number};

/** What the daemon told. */
export type FleetNews =
  | {readonly type: 'connectionChanged'; readonly connection: Connection}
  | {
      readonly type: 'fleetLoaded';
      readonly fleetSeq: number;
      readonly machines: readonly Machine[];
      readonly jobs: readonly Job[];
    }
  | {readonly type: 'machineChanged'; readonly seq: number; readonly machine: Machine}
  | {readonly type: 'machineRemoved'; readonly seq: number; readonly id: string}
  | {readonly type: 'jobChanged'; readonly job: Job}
  | {readonly type: 'sampled'; readonly host: HostSample; readonly machines: readonly MachineSample[]}
  | {readonly type: 'historyLoaded'; readonly machineId: string; readonly samples: readonly MachineSample[]}
  | {readonly type: 'timelineLoaded'; readonly timeline: TimelineView}
  | NetworkNews
  | GraphsNews
  | DisksNews
  | ({readonly type: 'bootSeen'} & BootSeen)
  | {readonly type: 'imagesLoaded'; readonly images: readonly Image[]}
  | {readonly type: 'eventsLoaded'; readonly events: readonly FleetEvent[]}
  | {readonly type: 'eventHappened'; readonly event: FleetEvent};

/** What the person did, or what a flow on their behalf came to. */
export type UiNews =
  | {readonly type: 'resized'; readonly size: ScreenSize}
  | {readonly type: 'ticked'; readonly nowMs: number}
  | {readonly type: 'selectionMoved'; readonly by: number}
  | {readonly type: 'machineSelected'; readonly id: string}
  | ListNews
  | {readonly type: 'arranged'; readonly arrangement: Arrangement}
  | {readonly type: 'dividerMoved'; readonly listWidth: number}
  | {readonly type: 'mouseTurned'; readonly isOn: boolean}
  | {readonly type: 'speechTurned'; readonly isOn: boolean}
  | {readonly type: 'themeChosen'; readonly theme: ThemeName}
  | {readonly type: 'tabChosen'; readonly tab: Tab}
  | {readonly type: 'pointMoved'; readonly by: number}
  | {readonly type: 'forwardMoved'; readonly by: number}
  | {readonly type: 'focusMoved'; readonly focus: Focus}
  | {readonly type: 'filterOpened'}
  | {readonly type: 'filterEdited'; readonly text: string}
  | {readonly type: 'filterClosed'; readonly isKept: boolean}
  | {readonly type: 'overlayShown'; readonly overlay: Overlay}
  | {readonly type: 'overlayClosed'}
  | {readonly type: 'addressesTold'; readonly machineId: string; readonly addresses: readonly string[]}
  | {readonly type: 'questionOpened'; readonly questionId: string}
  | {readonly type: 'answerMoved'; readonly by: number}
  | {readonly type: 'questionLeft'}
  | {readonly type: 'toasted'; readonly toast: Toast}
  | {readonly type: 'toastExpired'; readonly id: number}
  | {readonly type: 'firstRunMoved'; readonly firstRun: FirstRun};

/** Anything that can happen. */
export type AppEvent = FleetNews | UiNews | {readonly type: 'console'; readonly news: ConsoleNews};
