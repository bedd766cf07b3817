/** Writes api.d.ts, the types of the documented API: `npm run types`. The command `fotapool` must be on the PATH. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import openapiTS, { astToString } from 'openapi-typescript';

const printed = execFileSync('fotapool', ['openapi', '--production'], { encoding: 'utf8', maxBuffer: 2 ** 26 });
const document = JSON.parse(printed);
document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => path.startsWith('/api/')));
writeFileSync(new URL('../api.d.ts', import.meta.url), astToString(await openapiTS(document)));
