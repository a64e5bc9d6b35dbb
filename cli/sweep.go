package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier/journal"
	"github.com/dossier-go/dossier/session"
)

// sweepOutput is the JSON form of a report.
type sweepOutput struct {
	Claimed   int `json:"claimed"`
	Deleted   int `json:"deleted"`
	Abandoned int `json:"abandoned"`
	Failed    int `json:"failed"`
	Parked    int `json:"parked"`
}

func (t *tool) sweepCommand() *cobra.Command {
	var every time.Duration
	var asJSON bool
	command := &cobra.Command{
		Use:   "sweep",
		Short: "Delete the objects that no row has any more, and what crashes left",
		Long: "Executes what is due in the journal: deletes of replaced and removed files, and uploads that were abandoned.\n" +
			"Only objects in the backends named here are touched, and of those only what the journal names. Any number of sweeps\n" +
			"may run at the same time. Exit code 1 says that deletes failed; they are tried again by a later sweep.",
		Example:      "  dossier sweep --database app.db --backend uploads=file:///srv/uploads --every 30s",
		Args:         noArguments,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.with(cmd, func(m *session.Manager) error {
				if err := needBackends(m); err != nil {
					return err
				}
				if cmd.Flags().Changed("every") {
					return sweepAlways(cmd, m, every)
				}
				return sweepOnce(cmd, m, asJSON)
			})
		},
	}
	command.Flags().DurationVar(&every, "every", 0, "go on until interrupted, sweeping this often, such as 30s")
	command.Flags().BoolVar(&asJSON, "json", false, "print the counts as JSON")
	command.MarkFlagsMutuallyExclusive("every", "json")
	return command
}

func sweepOnce(cmd *cobra.Command, m *session.Manager, asJSON bool) error {
	report, err := m.Sweep(cmd.Context(), journal.SweepOptions{})
	if err := errors.Join(err, printSweep(cmd.OutOrStdout(), report, asJSON)); err != nil {
		return err
	}
	if n := report.Failed + report.Parked; n > 0 {
		return attention(fmt.Sprintf("%d deletes failed; see their last_error: %s journal", n, cmd.Parent().CommandPath()))
	}
	return nil
}

func printSweep(out io.Writer, report journal.SweepReport, asJSON bool) error {
	if asJSON {
		return lines(out).Encode(sweepOutput(report))
	}
	_, err := fmt.Fprintf(out, "claimed %d, deleted %d, abandoned %d, failed %d, parked %d\n",
		report.Claimed, report.Deleted, report.Abandoned, report.Failed, report.Parked)
	return err
}

// sweepAlways ends without an error when the context does.
func sweepAlways(cmd *cobra.Command, m *session.Manager, every time.Duration) error {
	if isTerminal(cmd.ErrOrStderr()) {
		cmd.PrintErrf("sweeping every %v; interrupt to end\n", every)
	}
	return m.RunSweeper(cmd.Context(), every)
}
