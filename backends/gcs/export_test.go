package gcs

import "time"

// WithPause makes the pauses between requests that are repeated shorter, or longer.
func (c Config) WithPause(first time.Duration) Config {
	c.pause = first
	return c
}
