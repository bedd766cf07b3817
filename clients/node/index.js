export { connect, FotapoolError, start } from './lib/server.js';
