#!/bin/sh
# What an admin can see, with curl. While `make run` is up, in another shell:
#   examples/admin.sh [http://127.0.0.1:3000]
# The token comes from ADMIN_TOKEN, else from `bin/chaffer token` (development only).
set -eu
server=${1:-http://127.0.0.1:3000}
token=${ADMIN_TOKEN:-$("$(dirname "$0")/../bin/chaffer" token --type admin --id 1 --name Admin)}

get() { curl --fail-with-body --silent --show-error --header "Authorization: Bearer $token" "$server/api/v1/admin$1"; }

echo "Numbers:"
get /stats
echo
echo "The latest chat:"
chats=$(get '/chats?limit=1')
echo "$chats"
chat=$(printf '%s' "$chats" | sed -n 's/.*"data":\[{[^[]*"id":"\([0-9a-f-]\{36\}\)".*/\1/p' | head -n 1)
if [ -z "$chat" ]; then
	echo "There is no chat yet: run examples/two-sides.mjs first."
	exit 0
fi
echo "Its transcript:"
get "/chats/$chat/transcript?format=text"
echo
echo "Every look is written down:"
get '/audit?limit=5'
echo
