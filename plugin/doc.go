// Package plugin keeps feature codes in Bleve's segments.
package plugin
