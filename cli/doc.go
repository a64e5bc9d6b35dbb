// Package cli is the command tree of the tool dossier: sweep, journal, audit and undelete, to be used alone (cmd/dossier) or mounted
// in an application's own binary.
//
//	root.AddCommand(cli.Command(cli.Config{
//		Name:    "files",
//		Manager: func(ctx context.Context) (*session.Manager, error) { return application.Manager(ctx) },
//		Columns: []maintenance.Column{{Table: "documents", Column: "file"}},
//	}))
//
// Without [Config.Manager] the tree has the flags --database, which takes the DSNs of session.Open, and --backend.
//
// # Output
//
// Results go to standard output: as an aligned table on a terminal; elsewhere as one line each, fields separated by
// tabs, for cut and awk; with --json as one JSON object a line. What is not printable in keys and messages is
// quoted, so that no file name plays tricks on the terminal. Everything else goes to standard error; progress only when that is
// a terminal. DSNs and URLs are never printed.
//
// # Exit codes
//
//	0  done, and nothing needs a look
//	1  done, and something needs a look: findings of an audit, deletes that failed in a sweep, ids that retry did not find
//	2  not done: wrong usage, or a failure
//
// An application that mounts the tree gets them with [ExitCode].
package cli
