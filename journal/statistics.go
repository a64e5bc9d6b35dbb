package journal

import (
	"context"
	"fmt"
	"time"
)

// Statistic counts the rows of one backend in one state.
type Statistic struct {
	Backend string
	State   State
	Rows    int // all of them
	Due     int // of these, what a sweep would take now
	Parked  int // of these, what failed so often that no sweep takes it
	// Oldest is how long the oldest of those that are due has been due, 0 when none is. When it grows, sweeps do not keep up
	// or nobody sweeps.
	Oldest time.Duration
}

// Statistics counts the journal's rows by backend and state, in this order, for metrics and alarms. It reads the whole
// table: once a minute is often enough. Rows parked after fewer than DefaultMaxAttempts count as parked too.
func (j *Journal) Statistics(ctx context.Context) ([]Statistic, error) {
	var counts []struct {
		Backend           string
		State             State
		Total             int
		Due, Parked       int
		FirstDue, TimeNow int64
	}
	now := j.language.now
	err := j.db.NewRaw("SELECT backend, state, count(*) AS total, "+
		"sum(CASE WHEN due_at <= ? AND attempts < ? THEN 1 ELSE 0 END) AS due, "+
		"sum(CASE WHEN due_at = ? OR attempts >= ? THEN 1 ELSE 0 END) AS parked, "+
		"min(CASE WHEN attempts < ? THEN due_at ELSE ? END) AS first_due, max(?) AS time_now "+
		"FROM dossier_journal WHERE state <> ? GROUP BY backend, state ORDER BY backend, state",
		now, DefaultMaxAttempts, int64(never), DefaultMaxAttempts, DefaultMaxAttempts, int64(never), now, Marker).Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("journal: statistics: %w", err)
	}
	statistics := make([]Statistic, len(counts))
	for i, count := range counts {
		statistics[i] = Statistic{Backend: count.Backend, State: count.State, Rows: count.Total, Due: count.Due, Parked: count.Parked}
		if count.Due > 0 {
			statistics[i].Oldest = time.Duration(count.TimeNow-count.FirstDue) * time.Millisecond
		}
	}
	return statistics, nil
}
