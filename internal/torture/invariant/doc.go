// Package invariant says what must be true of a Store and a Catalog whatever was killed
// or frozen, and when: always (Living), and once nothing is left to do (Settled and
// Ledger.Broken). Each broken invariant is a sentence.
package invariant
