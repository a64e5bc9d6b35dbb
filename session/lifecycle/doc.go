// Package lifecycle holds no code, only tests: the life-cycle matrix, concurrent writers, and every step of a unit of
// work cancelled, failed or cut off, each judged by plain SQL and a walk of the folder.
package lifecycle
