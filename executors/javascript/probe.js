// Tells what files this interpreter needs in a cell. Run once by the evaluator, outside cells.
'use strict';
const fs = require('fs');
console.log(JSON.stringify({
  version: process.versions.node,
  executable: fs.realpathSync(process.execPath),
  programs: [fs.realpathSync(process.execPath)],
  // Debian's Node reads some of its own modules from here.
  folders: ['/usr/share/nodejs', '/usr/share/zoneinfo'],
  hidden: [],
}));
