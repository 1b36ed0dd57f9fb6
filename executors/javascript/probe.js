// Tells what files this interpreter needs in a cell. Run once by the evaluator, outside cells.
'use strict';
const fs = require('fs');
// What addons may count on, whatever Node itself needs: as for Python's extension modules.
const promised = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1', 'libutil.so.1', 'libresolv.so.2',
  'libgcc_s.so.1', 'libstdc++.so.6', 'libatomic.so.1', 'libz.so.1', 'libexpat.so.1'];
const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
const places = [`/lib/${machine}-linux-gnu`, `/usr/lib/${machine}-linux-gnu`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
const found = promised.map((name) => places.map((place) => `${place}/${name}`).find(fs.existsSync)).filter(Boolean);
console.log(JSON.stringify({
  version: process.versions.node,
  executable: fs.realpathSync(process.execPath),
  programs: [fs.realpathSync(process.execPath), ...found],
  // Debian's Node reads some of its own modules from here.
  folders: ['/usr/share/nodejs', '/usr/share/zoneinfo'],
  hidden: [],
}));
