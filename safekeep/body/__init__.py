"""The body map: its drawings, the regions' names, the data and what is made of it. Pure: the gateway, incidents and reports use the same."""
