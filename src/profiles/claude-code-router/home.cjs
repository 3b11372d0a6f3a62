// The router reads its configuration in its home alone.
const { copyFileSync, mkdirSync } = require('node:fs');
const { join } = require('node:path');
const folder = join(process.env.HOME, '.claude-code-router');
mkdirSync(folder, { recursive: true });
copyFileSync(join(__dirname, 'config.json'), join(folder, 'config.json'));
