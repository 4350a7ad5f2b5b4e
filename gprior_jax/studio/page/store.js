/** The page's state, and who is told when it changes. */

/**
 * State is an object that is replaced, never changed, so what has changed is told by comparing parts with ===.
 *
 * Watchers get the state and the one before, once for all changes that are made together.
 */
export function makeStore(initial) {
  let state = initial;
  let shown = initial;
  let planned = false;
  const watchers = new Set();

  function tell() {
    planned = false;
    const before = shown;
    shown = state;
    for (const watcher of watchers) watcher(state, before);
  }

  return {
    get state() {
      return state;
    },
    set(changes) {
      state = { ...state, ...changes };
      if (!planned) queueMicrotask(tell);
      planned = true;
    },
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
