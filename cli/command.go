package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/maintenance"
	"github.com/dossier-go/dossier/session"
)

// Config of [Command]. The zero value is the tool that takes database and backends from its flags.
type Config struct {
	// Name of the command. Default: "", which means "dossier".
	Name string
	// Version that --version prints. Default: "", there is no such flag.
	Version string
	// Manager returns the application's manager. It is called when a subcommand runs, after all flags were read; whoever made the
	// manager closes it. Default: nil, one is made from the flags --database and --backend.
	Manager func(ctx context.Context) (*session.Manager, error)
	// Columns that audit compares when no --column is given. Default: none, --column is required.
	Columns []maintenance.Column
}

// ErrAttention says that a command did its work and that what it found needs a look: exit code 1.
var ErrAttention = errors.New("needs attention")

// ExitCode returns the exit code for the error of a command: 0 for nil, 1 for [ErrAttention], else 2.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, ErrAttention):
		return 1
	}
	return 2
}

// attention is an error that Is ErrAttention and says only what is to be looked at.
type attention string

func (a attention) Error() string      { return string(a) }
func (attention) Is(target error) bool { return target == ErrAttention }

// Run runs the tree with arguments as a program does, and returns the exit code. Errors are printed.
func Run(ctx context.Context, cfg Config, args []string, stdout, stderr io.Writer) int {
	command := Command(cfg) //nolint:contextcheck // its commands find ctx as that of cobra
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	return ExitCode(command.ExecuteContext(ctx))
}

// tool is what the subcommands share.
type tool struct {
	cfg      Config
	database string
	backends []string
}

// Command returns the command tree. Commands return errors for [ExitCode]; cobra prints them to standard error.
func Command(cfg Config) *cobra.Command {
	if cfg.Name == "" {
		cfg.Name = "dossier"
	}
	t := &tool{cfg: cfg}
	root := &cobra.Command{
		Use:          cfg.Name,
		Short:        "Look after the files of database rows",
		Version:      cfg.Version,
		Args:         noArguments,
		RunE:         func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage: true,
	}
	root.SetErrPrefix(cfg.Name + ":")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	if cfg.Manager == nil {
		root.PersistentFlags().StringVar(&t.database, "database", "", "database: a path or a file: DSN for SQLite, postgres://… or mysql://…; it must exist")
		root.PersistentFlags().StringArrayVar(&t.backends, "backend", nil,
			"backend as name=url, such as uploads=file:///srv/uploads; repeatable")
	}
	root.AddCommand(t.sweepCommand(), t.journalCommand(), t.auditCommand(), t.undeleteCommand())
	return root
}

// noArguments refuses what is no flag: mostly a mistyped subcommand.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %q is no subcommand of %s; see %s --help", dossier.ErrInvalid, args[0], cmd.CommandPath(), cmd.CommandPath())
}
