// Package atomicfile writes files that are either there in full or not at all.
//
// The bytes go to a temporary file in the folder of the target. Commit flushes
// it to disk and renames it over the target; until then, and for ever where
// Commit is not reached, the target is as it was. A process that is killed may
// leave a temporary file behind, named like the target with a leading dot and
// an ending of ".tmp" and digits.
package atomicfile
