// Package s3 stores objects in Amazon S3 and in services that speak its protocol.
//
//	client := awss3.NewFromConfig(cfg)
//	store, err := s3.New(client, "my-bucket", s3.Config{})
package s3
