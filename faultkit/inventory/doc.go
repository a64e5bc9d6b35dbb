// Package inventory tells what is in a real cloud store by its own SDK and no code of this module: the independent side
// of [github.com/dossier-go/dossier/faultkit.Check], for tests.
//
//	judge, err := inventory.Open(ctx, "s3://bucket?endpoint=http://127.0.0.1:9000&path_style=true", "uploads/")
//	report, err := faultkit.Check{DB: db, Columns: columns, Inventory: judge}.Run(ctx)
//
// It takes the URLs of the backends, but only the parameters endpoint, region and path_style; others are ignored.
// Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from GOOGLE_APPLICATION_CREDENTIALS, or from
// AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY.
package inventory
