"""The one engine behind every front door: quorums over the replicas of each name."""
