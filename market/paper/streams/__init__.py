"""The websockets: market streams, user data streams, and the WebSocket API.

``hub`` renders what somebody listens to, once, and hands it to every listener; ``connection`` is one client.
"""
