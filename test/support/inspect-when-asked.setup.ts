/** Before each test file, in its process: lets `stuck-reporter.ts` ask where it stands. */
import { inspectorPort } from './inspector-port.ts';

process.debugPort = inspectorPort(process.pid);
