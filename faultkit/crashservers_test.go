package faultkit_test

import (
	"os"
	"testing"
)

// serverDatabases are those with a server of their own.
var serverDatabases = []string{"postgresql", "mariadb"}

// The promise does not depend on the database either: the same harness with the same judge over PostgreSQL and MariaDB,
// whose servers go on for a moment with what a dead process has sent.
func TestNothingIsLostOnServersWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	for _, on := range serverDatabases {
		t.Run(on+"/local", func(t *testing.T) {
			t.Parallel()
			newHarness(t, on, "", serverKills).play(1)
		})
		t.Run(on+"/s3", func(t *testing.T) {
			t.Parallel()
			storeURL := os.Getenv(cloudStores["s3"])
			if storeURL == "" {
				t.Skipf("server: %s is not set; scripts/servers starts one", cloudStores["s3"])
			}
			newHarness(t, on, storeURL, bothKills).play(1)
		})
	}
}
