// Memory remembers, beyond a visit, which upload of a file has begun. A page cannot keep the
// file itself: it has to be chosen once more.

const day = 24 * 3600 * 1000; // the service keeps an upload that brings nothing as long

export class Memory {
  #key;

  constructor(key) { this.#key = key; }

  /** all returns what is remembered: {name, size, modified, value, at}. */
  all() {
    let entries = [];
    try {
      entries = JSON.parse(localStorage.getItem(this.#key)) ?? [];
    } catch {
      // Nothing is kept in private windows, or somebody else wrote there.
    }
    return Array.isArray(entries) ? entries.filter((e) => e?.at > Date.now() - day) : [];
  }

  get(file) { return this.all().find((e) => same(e, file))?.value ?? null; }

  set(file, value) {
    this.#write([...this.#others(file), { ...identity(file), value, at: Date.now() }]);
  }

  delete(file) { this.#write(this.#others(file)); }

  #others(file) { return this.all().filter((e) => !same(e, file)); }

  #write(entries) {
    try {
      localStorage.setItem(this.#key, JSON.stringify(entries));
    } catch {
      // The upload goes on as long as the page is open.
    }
  }
}

const identity = (file) => ({ name: file.name, size: file.size, modified: file.modified ?? file.lastModified });
const same = (entry, file) => {
  const f = identity(file);
  return entry.name === f.name && entry.size === f.size && entry.modified === f.modified;
};
