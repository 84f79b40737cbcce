// Prints the versions of the named packages, and of Node.
import { readFileSync } from 'node:fs';

const version = (name) => JSON.parse(
    readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const packages = process.argv.slice(2).map((name) => `${name} ${version(name)}`);
console.log(`${packages.join(', ')} on Node ${process.version}`);
