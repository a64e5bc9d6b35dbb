package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// journalOptions are the flags of journal.
type journalOptions struct {
	states    []string
	parked    bool
	unclaimed bool
	json      bool
}

func (t *tool) journalCommand() *cobra.Command {
	var opts journalOptions
	command := &cobra.Command{
		Use:   "journal",
		Short: "List what the journal knows, and make parked rows due again",
		Long: "Lists uploads under way (pending), deletes that are ordered (doomed) and objects that are deleted once more after\n" +
			"a while (tombstone), in order of creation. A row is parked when its delete failed so often that it is not tried again.\n" +
			"Of the flag --backend, a name without URL shows only the rows of that backend.",
		Example:      "  dossier journal --database app.db --state doomed --backend uploads\n  dossier journal retry --database app.db",
		Args:         noArguments,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := t.journalFilter(opts)
			if err != nil {
				return err
			}
			return t.withJournal(cmd, func(j *journal.Journal) error {
				return listJournal(cmd.Context(), cmd.OutOrStdout(), j, filter, opts)
			})
		},
	}
	command.Flags().StringSliceVar(&opts.states, "state", nil, "show only rows in this state: pending, doomed, tombstone, open or marker; repeatable")
	command.Flags().BoolVar(&opts.parked, "parked", false, "show only rows that are parked")
	command.Flags().BoolVar(&opts.unclaimed, "unclaimed", false, "show only deletes that nobody has begun with: what can be undeleted")
	command.Flags().BoolVar(&opts.json, "json", false, "print one JSON object a line")
	if t.cfg.Manager != nil {
		command.Flags().StringArrayVar(&t.backends, "backend", nil, "show only the rows of this backend")
	}
	command.AddCommand(t.retryCommand())
	return command
}

// journalFilter makes a filter of the flags.
func (t *tool) journalFilter(opts journalOptions) (journal.Filter, error) {
	filter := journal.Filter{Unclaimed: opts.unclaimed}
	known := []journal.State{journal.Pending, journal.Doomed, journal.Tombstone, journal.Open, journal.Marker}
	for _, name := range opts.states {
		if !slices.Contains(known, journal.State(name)) {
			return filter, fmt.Errorf("--state: %w: %q; the states are pending, doomed, tombstone, open, marker", dossier.ErrInvalid, name)
		}
		filter.States = append(filter.States, journal.State(name))
	}
	if opts.parked {
		filter.ParkedAfter = journal.DefaultMaxAttempts
	}
	for _, backend := range t.backends {
		if strings.Contains(backend, "=") {
			continue // a store, which the journal does not need
		}
		if filter.Backend != "" && filter.Backend != backend {
			return filter, fmt.Errorf("--backend: %w: the rows of one backend can be shown, or those of all", dossier.ErrInvalid)
		}
		filter.Backend = backend
	}
	return filter, nil
}

// withJournal opens no stores.
func (t *tool) withJournal(cmd *cobra.Command, fn func(*journal.Journal) error) error {
	use := func(m *session.Manager) error { return fn(m.Journal()) }
	if t.cfg.Manager != nil {
		return t.with(cmd, use)
	}
	return t.withDatabase(cmd, &dossier.Registry{}, use)
}

// journalEntry is the JSON form of a row.
type journalEntry struct {
	ID        string        `json:"id"`
	State     journal.State `json:"state"`
	Backend   string        `json:"backend"`
	Store     string        `json:"store"`
	Key       string        `json:"key"`
	Intent    bool          `json:"intent"`
	UploadID  string        `json:"upload_id,omitempty"`
	DueAt     time.Time     `json:"due_at"`
	Attempts  int           `json:"attempts"`
	Parked    bool          `json:"parked"`
	LastError string        `json:"last_error,omitempty"`
	CreatedAt time.Time     `json:"created_at"`
}

func newJournalEntry(e journal.Entry) journalEntry {
	return journalEntry{
		ID: e.ID, State: e.State, Backend: e.Backend, Store: e.Store, Key: e.Key, Intent: e.Intent, UploadID: e.UploadID,
		DueAt: time.UnixMilli(e.DueAt).UTC(), Attempts: e.Attempts, Parked: e.Attempts >= journal.DefaultMaxAttempts,
		LastError: e.LastError, CreatedAt: time.UnixMilli(e.CreatedAt).UTC(),
	}
}

// listJournal prints rows as they come.
func listJournal(ctx context.Context, out io.Writer, j *journal.Journal, filter journal.Filter, opts journalOptions) error {
	now, err := j.Clock(ctx)
	if err != nil {
		return err
	}
	terminal := isTerminal(out)
	encoder := lines(out)
	rows, err := newTable(out, terminal && !opts.json, "ID", "STATE", "BACKEND", "KEY", "DUE", "ATTEMPTS", "LAST ERROR")
	if err != nil {
		return err
	}
	for entry, err := range j.List(ctx, filter) {
		if err == nil && opts.json {
			err = encoder.Encode(newJournalEntry(entry))
		} else if err == nil {
			err = rows.row(entry.ID, string(entry.State), entry.Backend, entry.Key, due(entry, now, terminal), strconv.Itoa(entry.Attempts), entry.LastError)
		}
		if err != nil {
			return err
		}
	}
	return rows.flush()
}

// due says when a row is due: how far away for people, the time itself for programs.
func due(e journal.Entry, now int64, terminal bool) string {
	away := time.Duration(e.DueAt-now) * time.Millisecond
	switch {
	case !terminal:
		return time.UnixMilli(e.DueAt).UTC().Format(time.RFC3339)
	case e.Attempts >= journal.DefaultMaxAttempts:
		return "parked"
	case away <= 0:
		return "now"
	}
	return "in " + away.Round(time.Second).String()
}

func (t *tool) retryCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retry [id...]",
		Short: "Make parked rows due again: those with these ids, or all",
		Long: "The next sweep tries them again, as if they had failed once. Exit code 1 says that some of the ids are not parked\n" +
			"or not in the journal.",
		Example:      "  dossier journal retry --database app.db",
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, ids []string) error {
			ids = slices.Compact(slices.Sorted(slices.Values(ids)))
			return t.withJournal(cmd, func(j *journal.Journal) error {
				n, err := j.Retry(cmd.Context(), journal.DefaultMaxAttempts, ids...)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%d rows are due again\n", n); err != nil {
					return err
				}
				if n < len(ids) {
					return attention(fmt.Sprintf("%d of the ids are not parked or not in the journal", len(ids)-n))
				}
				return nil
			})
		},
	}
}
