'use client';

import { useSyncExternalStore } from 'react';

/** A setting of this browser: an attribute of the root element, kept in local storage. */
interface RootSetting<T extends string> {
  readonly attribute: 'theme' | 'rail';
  readonly values: readonly [T, T];
}

const THEME: RootSetting<'dark' | 'light'> = { attribute: 'theme', values: ['dark', 'light'] };
const RAIL: RootSetting<'open' | 'folded'> = { attribute: 'rail', values: ['open', 'folded'] };

function read<T extends string>({ attribute, values }: RootSetting<T>): T {
  return document.documentElement.dataset[attribute] === values[1] ? values[1] : values[0];
}

function toggle<T extends string>(setting: RootSetting<T>): void {
  const [first, second] = setting.values;
  const next = read(setting) === first ? second : first;
  document.documentElement.dataset[setting.attribute] = next;
  try {
    localStorage.setItem(`afdscope.${setting.attribute}`, next);
  } catch {
    // Storage may be forbidden: the setting lasts as long as the page.
  }
}

function subscribe(onChange: () => void): () => void {
  const observer = new MutationObserver(onChange);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme', 'data-rail'] });
  return () => observer.disconnect();
}

export function useTheme(): 'dark' | 'light' {
  return useSyncExternalStore(
    subscribe,
    () => read(THEME),
    () => 'dark',
  );
}

export function useRail(): 'open' | 'folded' {
  return useSyncExternalStore(
    subscribe,
    () => read(RAIL),
    () => 'open',
  );
}

export function toggleTheme(): void {
  toggle(THEME);
}

export function toggleRail(): void {
  toggle(RAIL);
}
