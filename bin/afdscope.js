#!/usr/bin/env node
/**
 * The `afdscope` command: makes sure that packages and dashboard are there, then runs the command
 * line (TypeScript) under a Node that can.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  ensureAppBuilt,
  ensureInstalled,
  exitWith,
  findNode,
  nodeVersionOf,
  root,
  runInPlace,
} from './bootstrap.js';
import { collectorArgs, compileSoundly, soundArgs, withMemoryEnv } from './process-settings.js';

/** Commands that serve the dashboard. */
const WEB_COMMANDS = new Set(['up', 'demo', 'web']);

async function main() {
  compileSoundly();
  const args = process.argv.slice(2);
  const noWeb = args.some((arg) => ['-h', '--help', '--no-web'].includes(arg));
  const servesWeb = WEB_COMMANDS.has(args[0] ?? '') && !noWeb;
  ensureInstalled({ dev: servesWeb }); // the build needs the tools
  const node = findNode();
  if (servesWeb) ensureAppBuilt(node);
  const bundled = join(root, 'dist', 'cli.js');
  const source = join(root, 'collector', 'cli', 'main.ts');
  const entry = existsSync(source) ? source : bundled;
  const isThisNode = node === process.execPath;
  const version = nodeVersionOf(node);
  if (args[0] === 'collector') {
    const own = isThisNode ? process.execArgv : [];
    const flags = [...collectorArgs(version), ...own];
    return runInPlace(node, [...flags, entry, ...args], withMemoryEnv(process.env));
  }
  if (!isThisNode) return runInPlace(node, [...soundArgs(version), entry, ...args]);
  process.argv[1] = entry;
  const { runCli } = await import(pathToFileURL(entry).href);
  return runCli(args);
}

await exitWith(main());
