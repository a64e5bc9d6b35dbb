package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// auditOptions are the flags of audit.
type auditOptions struct {
	columns  []string
	prefix   string
	verify   bool
	parallel int
	json     bool
}

func (t *tool) auditCommand() *cobra.Command {
	var opts auditOptions
	command := &cobra.Command{
		Use:   "audit",
		Short: "Compare rows and objects both ways; changes nothing",
		Long: "Prints rows whose object is missing or differs from what the row says, objects that neither row nor journal knows, and\n" +
			"columns that cannot be read. Name every column that holds files: the objects of one left out look orphaned. The application\n" +
			"may go on working meanwhile. Exit code 1 says that there are findings.",
		Example:      "  dossier audit --database app.db --backend uploads=file:///srv/uploads --column documents.file --column documents.pages",
		Args:         noArguments,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			columns, err := t.auditColumns(opts.columns)
			if err != nil {
				return err
			}
			return t.with(cmd, func(m *session.Manager) error {
				if err := needBackends(m); err != nil {
					return err
				}
				return runAudit(cmd.Context(), cmd, maintenance.AuditOptions{
					Database: m.DB(), Registry: m.Registry(), Columns: columns,
					Prefix: opts.prefix, Verify: opts.verify, Parallel: opts.parallel,
				}, opts.json)
			})
		},
	}
	command.Flags().StringArrayVar(&opts.columns, "column", nil, "column of files as table.column; repeatable")
	command.Flags().StringVar(&opts.prefix, "prefix", "", "look for orphaned objects only under keys that begin so")
	command.Flags().BoolVar(&opts.verify, "verify", false, "read every object and compare its bytes")
	command.Flags().IntVar(&opts.parallel, "parallel", 8, "how many objects are asked for at the same time")
	command.Flags().BoolVar(&opts.json, "json", false, "print one JSON object a line: findings, and the counts as the last")
	return command
}

func (t *tool) auditColumns(names []string) ([]maintenance.Column, error) {
	if len(names) == 0 && len(t.cfg.Columns) == 0 {
		return nil, fmt.Errorf("%w: no columns; name each that holds files: --column documents.file", dossier.ErrInvalid)
	}
	if len(names) == 0 {
		return t.cfg.Columns, nil
	}
	var columns []maintenance.Column
	for _, name := range names {
		column, err := maintenance.ParseColumn(name)
		if err != nil {
			return nil, fmt.Errorf("--column: %w", err)
		}
		columns = append(columns, column)
	}
	return columns, nil
}

// findings writes them as they are found.
type findings interface {
	write(maintenance.Finding) error
	end(maintenance.AuditReport) error
}

func runAudit(ctx context.Context, cmd *cobra.Command, opts maintenance.AuditOptions, asJSON bool) error {
	out, err := newFindings(cmd.OutOrStdout(), asJSON)
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr())
	opts.Progress = bar.show
	opts.Found = func(f maintenance.Finding) error {
		bar.hide()
		return out.write(f)
	}
	report, err := maintenance.Audit(ctx, opts)
	bar.hide()
	if err != nil {
		return err
	}
	if err := out.end(report); err != nil {
		return err
	}
	return auditSummary(cmd.ErrOrStderr(), report)
}

// auditSummary says on standard error what was looked at; findings are an error.
func auditSummary(out io.Writer, report maintenance.AuditReport) error {
	if len(report.Unlisted) > 0 {
		if _, err := fmt.Fprintf(out, "not looked for orphans, because the store cannot list its objects: %s\n", strings.Join(report.Unlisted, ", ")); err != nil {
			return err
		}
	}
	looked := fmt.Sprintf("%d findings; %d files of rows and %d objects were compared", report.Findings, report.Files, report.Objects)
	if report.Findings > 0 {
		return attention(looked)
	}
	_, err := fmt.Fprintln(out, looked)
	return err
}

func newFindings(out io.Writer, asJSON bool) (findings, error) {
	if asJSON {
		return findingLines{out}, nil
	}
	rows, err := newTable(out, isTerminal(out), "KIND", "COLUMN", "ROW", "BACKEND", "KEY", "DETAIL")
	return findingTable{rows}, err
}

// findingLines are JSON.
type findingLines struct{ out io.Writer }

func (l findingLines) write(f maintenance.Finding) error { return lines(l.out).Encode(f) }

func (l findingLines) end(report maintenance.AuditReport) error {
	return lines(l.out).Encode(map[string]any{"summary": report})
}

// findingTable is for people, and for cut and awk.
type findingTable struct{ rows *table }

func (t findingTable) write(f maintenance.Finding) error {
	column := ""
	if f.Table != "" {
		column = f.Table + "." + f.Column
	}
	return t.rows.row(string(f.Kind), column, f.Row, f.Backend, f.Key, f.Detail)
}

func (t findingTable) end(maintenance.AuditReport) error { return t.rows.flush() }
