package security

var loadRows = []attack{}
